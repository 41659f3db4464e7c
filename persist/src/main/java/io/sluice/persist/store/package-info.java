/// Where files go: named objects that appear whole or not at all.
@NullMarked
package io.sluice.persist.store;

import org.jspecify.annotations.NullMarked;
