/** START HERE. */
@NullMarked
package dev.tartan;

import org.jspecify.annotations.NullMarked;
