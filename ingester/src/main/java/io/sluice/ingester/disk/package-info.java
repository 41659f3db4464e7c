/// Whether the disks have room: writes are refused before a disk is full, so that what was taken can become files.
@NullMarked
package io.sluice.ingester.disk;

import org.jspecify.annotations.NullMarked;
