/// Queries over the rows that are not in files yet: what is asked, where rows come from, and the lazy stream between.
@NullMarked
package io.sluice.query;

import org.jspecify.annotations.NullMarked;
