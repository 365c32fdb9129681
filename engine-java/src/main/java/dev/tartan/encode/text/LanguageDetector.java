package dev.tartan.encode.text;

import dev.tartan.memory.TartanException;
import java.io.IOException;
import java.io.InputStream;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import opennlp.tools.langdetect.LanguageDetectorME;
import opennlp.tools.langdetect.LanguageDetectorModel;

/**
 * Guesses the language of a text, by Apache OpenNLP and its model of 103 languages; both are
 * optional. Guesses on a few words are often wrong. Safe for concurrent use.
 */
public final class LanguageDetector {
  private static final String MODEL = "/langdetect-183.bin";
  private static final String MISSING =
      "detecting languages needs org.apache.opennlp:opennlp-tools and"
          + " org.apache.opennlp:opennlp-models-langdetect on the class path";

  private final LanguageDetectorME detector;
  private final Map<String, String> shortCodes = new HashMap<>();

  private LanguageDetector(LanguageDetectorME detector) {
    this.detector = detector;
    for (String language : Locale.getISOLanguages()) {
      shortCodes.put(Locale.of(language).getISO3Language(), language);
    }
    // Mandarin, as which the model knows Chinese
    shortCodes.put("cmn", "zh");
  }

  /**
   * Loads the model from the class path.
   *
   * @throws TartanException if it or OpenNLP is not there
   */
  public static LanguageDetector open() {
    try (InputStream stream = LanguageDetector.class.getResourceAsStream(MODEL)) {
      if (stream == null) {
        throw new TartanException(MISSING);
      }
      return new LanguageDetector(new LanguageDetectorME(new LanguageDetectorModel(stream)));
    } catch (LinkageError e) {
      throw new TartanException(MISSING, e);
    } catch (IOException e) {
      throw TartanException.io("cannot read the resource " + MODEL, e);
    }
  }

  /** The ISO 639 code of the likeliest language: of two letters where there is one, else three. */
  public String detect(String text) {
    String code;
    synchronized (detector) {
      code = detector.predictLanguage(text).getLang();
    }
    return shortCodes.getOrDefault(code, code);
  }
}
