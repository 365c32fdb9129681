package dev.tartan.collection;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One query and passages to tell apart.
 *
 * @param line of the file it is from, from 1; 0 if of none
 * @param queryId the query
 * @param passageIds at least two; the first is the relevant one, or the best guess
 * @param scores of a teacher, one a passage, higher is better; null if there is none
 */
public record TrainingExample(
    long line, String queryId, List<String> passageIds, float @Nullable [] scores) {}
