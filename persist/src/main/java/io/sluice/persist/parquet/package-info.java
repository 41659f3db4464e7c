/// Rows in Arrow memory to Parquet: sort, merge, encode. The only package that knows Parquet.
@NullMarked
package io.sluice.persist.parquet;

import org.jspecify.annotations.NullMarked;
