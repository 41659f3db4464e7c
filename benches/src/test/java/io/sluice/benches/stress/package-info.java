/// Races of the parts that are read and changed by many threads at once, run by jcstress: what it may observe is
/// written at each, everything else is forbidden. [io.sluice.benches.stress.StressTest] runs all of them.
@NullMarked
package io.sluice.benches.stress;

import org.jspecify.annotations.NullMarked;
