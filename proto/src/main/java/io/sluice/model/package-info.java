/// The names, numbers and schemas of the domain, as values on the JDK alone, so that every module can speak of a table
/// or a sequence number without knowing how it is sent, stored or encoded.
@NullMarked
package io.sluice.model;

import org.jspecify.annotations.NullMarked;
