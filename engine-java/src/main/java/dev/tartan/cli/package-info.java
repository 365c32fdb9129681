/**
 * The command line (picocli). Results go to stdout, progress and notices to stderr; exit code 0 is
 * success, 1 failure, 2 wrong usage. Commands parse, call, print; what they do lives on lower
 * floors.
 */
@NullMarked
package dev.tartan.cli;

import org.jspecify.annotations.NullMarked;
