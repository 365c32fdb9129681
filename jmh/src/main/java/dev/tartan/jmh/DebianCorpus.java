package dev.tartan.jmh;

import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Makes a collection of about 70,000 short passages of real text that anyone with a Debian machine
 * can make again: the paragraphs of package descriptions as passages, one-line synopses as queries.
 *
 * <pre>
 * apt-get -o Acquire::Languages=en update
 * /usr/lib/apt/apt-helper cat-file /var/lib/apt/lists/*_bookworm_main_i18n_Translation-en*
 *   | ./tartan bench debian FOLDER
 * </pre>
 */
public final class DebianCorpus {
  private static final int WORDS = 15;
  private static final int QUERIES = 1000;

  private final Set<String> passages = new LinkedHashSet<>();
  private final Set<String> synopses = new LinkedHashSet<>();
  private final List<String> paragraph = new ArrayList<>();
  private boolean inDescription;

  private DebianCorpus() {}

  public static void main(String[] args) throws IOException {
    if (args.length != 1 || args[0].startsWith("-")) {
      System.err.println("usage: ./tartan bench debian FOLDER < Translation-en");
      System.exit(2);
    }
    DebianCorpus corpus = new DebianCorpus();
    BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      corpus.accept(line);
    }
    corpus.endParagraph();
    if (corpus.passages.isEmpty() || corpus.synopses.isEmpty()) {
      System.err.println("tartan: standard input holds no package descriptions");
      System.exit(1);
    }
    Path folder = Files.createDirectories(Path.of(args[0]));
    List<String> queries = List.copyOf(corpus.synopses);
    List<String> drawn = new ArrayList<>();
    for (int i = 0; i < QUERIES; i++) {
      drawn.add(queries.get((int) ((long) i * queries.size() / QUERIES)));
    }
    write(folder.resolve("corpus.jsonl"), List.copyOf(corpus.passages));
    write(folder.resolve("queries.jsonl"), drawn);
    System.out.println(corpus.passages.size() + " passages, " + QUERIES + " queries");
  }

  private void accept(String line) {
    if (line.startsWith("Description-en: ")) {
      String synopsis = line.substring(line.indexOf(' ') + 1).strip();
      if (words(synopsis) >= 4) {
        synopses.add(synopsis);
      }
      inDescription = true;
    } else if (inDescription && line.startsWith(" ") && !line.equals(" .")) {
      paragraph.add(line.strip());
    } else {
      endParagraph();
      inDescription &= line.startsWith(" ");
    }
  }

  private void endParagraph() {
    String text = String.join(" ", paragraph);
    if (words(text) >= WORDS) {
      passages.add(text);
    }
    paragraph.clear();
  }

  private static int words(String text) {
    return text.isEmpty() ? 0 : text.split("\\s+").length;
  }

  private static void write(Path file, List<String> texts) throws IOException {
    JsonMapper json = new JsonMapper();
    try (Writer out = Files.newBufferedWriter(file)) {
      for (int i = 0; i < texts.size(); i++) {
        Map<String, String> record = new LinkedHashMap<>();
        record.put("_id", Integer.toString(i));
        record.put("text", texts.get(i));
        out.write(json.writeValueAsString(record) + "\n");
      }
    }
  }
}
