/// What the catalog says of tables, kept in memory, and how the rows of one write fall into partitions.
@NullMarked
package io.sluice.ingester.schema;

import org.jspecify.annotations.NullMarked;
