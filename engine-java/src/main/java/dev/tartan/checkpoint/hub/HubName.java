package dev.tartan.checkpoint.hub;

import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A model of the hub as users write it: {@code organisation/name} or {@code
 * organisation/name@revision}.
 *
 * @param repository {@code organisation/name}
 * @param stated a branch, a tag or a commit; null where the user names none
 */
record HubName(String repository, @Nullable String stated) {
  private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");
  private static final String PART = "[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?";
  private static final Pattern NAME =
      Pattern.compile("(" + PART + "/" + PART + ")(?:@([A-Za-z0-9_][A-Za-z0-9._/-]*))?");
  private static final int LONGEST = 96;

  /** Takes {@code text} apart; null if it is no name that the hub allows. */
  static @Nullable HubName parse(String text) {
    Matcher matcher = NAME.matcher(text);
    if (!matcher.matches() || text.contains("..") || text.contains("//")) {
      return null;
    }
    String repository = matcher.group(1);
    return repository.contains("--") || repository.length() > LONGEST
        ? null
        : new HubName(repository, matcher.group(2));
  }

  static boolean isCommit(String revision) {
    return COMMIT.matcher(revision).matches();
  }

  String revision() {
    return stated == null ? "main" : stated;
  }

  /** Whether the name says which bytes the files have. */
  boolean isPinned() {
    return isCommit(revision());
  }

  /** The same model at {@code commit}, which always means the same files. */
  String at(String commit) {
    return repository + "@" + commit;
  }

  @Override
  public String toString() {
    return stated == null ? repository : repository + "@" + stated;
  }
}
