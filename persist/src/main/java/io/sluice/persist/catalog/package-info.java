/// What is shared by all ingesters and survives each of them: schemas, sort keys, which files exist, and how
/// far each partition is in files.
@NullMarked
package io.sluice.persist.catalog;

import org.jspecify.annotations.NullMarked;
