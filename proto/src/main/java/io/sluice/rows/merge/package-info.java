/// Rows of one partition in apply order to rows in key order, each key once: sort and merge over columns of primitives.
/// Knows neither files nor Parquet.
@NullMarked
package io.sluice.rows.merge;

import org.jspecify.annotations.NullMarked;
