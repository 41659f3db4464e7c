/// What store and catalog share about failures that pass: how long to wait, and for how long one has lasted.
@NullMarked
package io.sluice.persist.retry;

import org.jspecify.annotations.NullMarked;
