/// Rows of one partition as columns in Arrow memory: the shape in which the buffer, persist and query hand rows to one
/// another. It stands here, below all three, so that none of them has to know the others.
@NullMarked
package io.sluice.rows;

import org.jspecify.annotations.NullMarked;
