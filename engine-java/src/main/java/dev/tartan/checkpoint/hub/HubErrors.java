package dev.tartan.checkpoint.hub;

import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.util.List;

/** What a user reads when the hub does not give a model. */
final class HubErrors {
  private final HubSettings settings;
  private final HubName name;

  HubErrors(HubSettings settings, HubName name) {
    this.settings = settings;
    this.name = name;
  }

  /**
   * For an answer that is no success.
   *
   * @param what the file that was asked for, or ""
   */
  TartanException refused(HttpResponse<?> response, String what) {
    // the hub says 401 of models that do not exist when nobody in particular asks
    String code = response.headers().firstValue("X-Error-Code").orElse("");
    return switch (code) {
      case "RepoNotFound" -> noModel();
      case "RevisionNotFound" -> noRevision();
      case "GatedRepo" -> gated();
      default -> refused(response.statusCode(), what);
    };
  }

  private TartanException refused(int status, String what) {
    return switch (status) {
      case 401 -> settings.token() == null ? needsToken() : wrongToken();
      case 403 -> gated();
      case 404 ->
          what.isEmpty()
              ? noModel()
              : new TartanException("%s lacks the file '%s' at %s".formatted(name, what, host()));
      case 429 ->
          new TartanException(
              "%s turns away requests for %s (status 429: too many); try again later"
                  .formatted(host(), name));
      default -> failed(status, what);
    };
  }

  /** For an answer that says nothing about the model, such as that of the host of the files. */
  TartanException failed(int status, String what) {
    return new TartanException(
        "%s answers status %d for %s; try again later"
            .formatted(host(), status, what.isEmpty() ? name : name + "/" + what));
  }

  private TartanException noModel() {
    return new TartanException(
        "no model '%s': there is no such folder, and %s has no such model that %s may read; check the name%s"
            .formatted(
                name,
                host(),
                settings.token() == null ? "everybody" : settings.token().toString(),
                settings.token() == null ? ", or set HF_TOKEN if it is private" : ""));
  }

  private TartanException noRevision() {
    return new TartanException(
        "%s has no revision '%s' at %s; give a branch, a tag or a commit"
            .formatted(name.repository(), name.revision(), host()));
  }

  private TartanException gated() {
    return new TartanException(
        "%s is gated: ask for access at %s/%s, then %s"
            .formatted(
                name.repository(),
                host(),
                name.repository(),
                settings.token() == null
                    ? "set HF_TOKEN to a token of that account"
                    : "see that %s is of that account".formatted(settings.token())));
  }

  private TartanException needsToken() {
    return new TartanException(
        "%s wants a token for %s: make one at %s/settings/tokens and set HF_TOKEN"
            .formatted(host(), name, host()));
  }

  private TartanException wrongToken() {
    return new TartanException(
        "%s refuses %s: it is wrong or has expired; make another at %s/settings/tokens"
            .formatted(host(), settings.token(), host()));
  }

  TartanException unreachable(IOException cause) {
    String reason =
        switch (cause) {
          case java.net.http.HttpTimeoutException _ -> "no answer in time";
          case java.net.ConnectException _ -> "no connection";
          default -> cause.getMessage() == null ? cause.toString() : cause.getMessage();
        };
    return new TartanException(
        "no folder '%2$s', and %1$s cannot be reached: %3$s; check the network, or set HF_HUB_OFFLINE=1 for a copy in the cache"
            .formatted(host(), name, reason),
        cause);
  }

  TartanException offline(String missing) {
    return new TartanException(
        "HF_HUB_OFFLINE is set and %s holds no copy of %s%s; unset it to fetch the model"
            .formatted(settings.cache(), name, missing));
  }

  TartanException unreadable(List<String> missing) {
    return new TartanException(
        "%s at %s is no model that can be read: it has no %s"
            .formatted(name, host(), String.join(", no ", missing)));
  }

  TartanException nonsense(String what) {
    return new TartanException(
        "%s answers for %s %s; is HF_ENDPOINT the address of a hub?".formatted(host(), name, what));
  }

  private String host() {
    return settings.endpoint().toString();
  }
}
