package dev.tartan.encode.text;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.util.List;

/** Turns {@code vocab.txt} of older BERT checkpoints into the {@code tokenizer.json} of newer. */
final class WordPieceVocabulary {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final List<String> SPECIAL = List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]");

  private WordPieceVocabulary() {}

  /**
   * @param lines the tokens, one a line, in the order of their ids
   * @param config {@code tokenizer_config.json}, for {@code do_lower_case}
   */
  static byte[] toJson(List<String> lines, byte[] config) throws IOException {
    for (String token : SPECIAL) {
      if (!lines.contains(token)) {
        throw new TartanException(
            "vocab.txt has no " + token + ", so it is no WordPiece vocabulary");
      }
    }
    JsonNode options = JSON.readTree(config);
    boolean lowercase = options.path("do_lower_case").asBoolean(true);
    ObjectNode root = JSON.createObjectNode().put("version", "1.0");
    var added = root.putArray("added_tokens");
    for (String token : SPECIAL) {
      added
          .addObject()
          .put("id", lines.indexOf(token))
          .put("content", token)
          .put("single_word", false)
          .put("lstrip", false)
          .put("rstrip", false)
          .put("normalized", false)
          .put("special", true);
    }
    root.putObject("normalizer")
        .put("type", "BertNormalizer")
        .put("clean_text", true)
        .put("handle_chinese_chars", options.path("tokenize_chinese_chars").asBoolean(true))
        .putNull("strip_accents")
        .put("lowercase", lowercase);
    root.putObject("pre_tokenizer").put("type", "BertPreTokenizer");
    ObjectNode processor = root.putObject("post_processor").put("type", "BertProcessing");
    processor.putArray("sep").add("[SEP]").add(lines.indexOf("[SEP]"));
    processor.putArray("cls").add("[CLS]").add(lines.indexOf("[CLS]"));
    root.putObject("decoder").put("type", "WordPiece").put("prefix", "##").put("cleanup", true);
    ObjectNode model =
        root.putObject("model")
            .put("type", "WordPiece")
            .put("unk_token", "[UNK]")
            .put("continuing_subword_prefix", "##")
            .put("max_input_chars_per_word", 100);
    ObjectNode vocabulary = model.putObject("vocab");
    for (int id = 0; id < lines.size(); id++) {
      vocabulary.put(lines.get(id), id);
    }
    return JSON.writeValueAsBytes(root);
  }
}
