"""The signals of a document: each one's name, formula, unit and source, once; the columns follow from it.

A signal is one counter, or one counter over another. Counters are those of `stages.text.counting`, `.lines` and
`.repetition`, by name. Fractions are rounded to four decimals (float32), counts are int32; 0 over 0 is 0.

Where peers differ (they do, under the same name) the choice is:
- a line is what stands between newlines and is not blank; a paragraph is a run of lines with a blank one around it;
- repeats are counted after the first copy (Gopher, datatrove; Dolma counts every copy);
- the characters of an n-gram are those of the text from its first to its last word, over all characters of the text;
  the most frequent n-gram counts only when it occurs twice, so that a short text is not its own repetition;
- words are those of `stages.text.words`: punctuation is no word, an ideograph is one.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from catalog.schema import ID, column, table


@dataclass(frozen=True, kw_only=True)
class Signal:
    """One signal: `count` alone (int32), or `count` over `over` (float32, four decimals)."""

    name: str
    count: str
    over: str | None = None
    unit: str
    source: str

    @property
    def field(self) -> pa.Field:
        """Its column in the table `clean/signals`."""
        kind = pa.float32() if self.over else pa.int32()
        return column(self.name, kind, f"{self.unit} ({self.source})")


def _signals(rows: str) -> tuple[Signal, ...]:
    """One signal per line of `name | count | over | unit | source`."""
    signals = []
    for row in rows.strip().splitlines():
        name, count, over, unit, source = (cell.strip() for cell in row.split("|"))
        signals.append(Signal(name=name, count=count, over=over or None, unit=unit, source=source))
    return tuple(signals)


TABLE = _signals("""
characters                      | characters        |            | code points                              | own
words                           | words             |            | words                                    | Gopher A1
lines                           | lines             |            | lines that are not blank                 | own
paragraphs                      | paragraphs        |            | runs of lines                            | own
sentences                       | sentences         |            | sentences                                | own
mean_word_length                | word_characters   | words      | characters / words                       | Gopher A1
longest_word                    | longest_word      |            | characters                               | C4
longest_run                     | longest_run       |            | times one character repeats without space | own
letter_fraction                 | letters           | characters | letters / characters                     | Data-Juicer
digit_fraction                  | digits            | characters | decimal digits / characters              | own
whitespace_fraction             | spaces            | characters | white space / characters                 | RedPajama-2
punctuation_fraction            | punctuation       | characters | punctuation / characters                 | RedPajama-2
symbol_fraction                 | symbols           | characters | signs of category S / characters         | own
uppercase_fraction              | uppercase         | letters    | upper-case letters / letters             | RefinedWeb
han_fraction                    | han               | non_space  | Han / characters that are no space       | own
hashes_per_word                 | hashes            | words      | `#` / words                              | Gopher A1
ellipses_per_word               | ellipses          | words      | `...` or `…` / words                     | Gopher A1
letter_word_fraction            | letter_words      | tokens     | words with a letter / words and runs of punctuation | Gopher A1, datatrove
stop_words_en                   | stop_words_en     |            | different words of Gopher's eight        | Gopher A1, datatrove
stop_words_zh                   | stop_words_zh     |            | different words of fineweb-2's twenty    | fineweb-2 cmn_Hani
bullet_line_fraction            | bullet_lines      | lines      | lines that begin with a bullet / lines   | Gopher A1
ellipsis_line_fraction          | ellipsis_lines    | lines      | lines that end in an ellipsis / lines    | Gopher A1
terminal_line_fraction          | terminal_lines    | lines      | lines that end in punctuation / lines    | FineWeb
short_line_fraction             | short_lines       | lines      | lines of at most 30 characters / lines   | FineWeb
newlines_per_word               | newlines          | words      | newlines / words                         | FineWeb
boilerplate_lines               | boilerplate_lines |            | lines on javascript, cookies or policies | C4
c4_sentences                    | c4_sentences      |            | sentences in lines that C4 keeps: finished, three words, no boilerplate | C4
curly_brackets                  | curly_brackets    |            | `{`                                      | C4
lorem_ipsum                     | lorem_ipsum       |            | lines with `lorem ipsum`                 | C4
duplicate_line_fraction         | repeated_lines    | lines      | lines that came before / lines           | Gopher A1
duplicate_line_characters       | repeated_line_characters | line_characters | characters in lines that came before / in lines | Gopher A1, FineWeb
duplicate_paragraph_fraction    | repeated_paragraphs | paragraphs | paragraphs that came before / paragraphs | Gopher A1
duplicate_paragraph_characters  | repeated_paragraph_characters | paragraph_characters | characters in paragraphs that came before / in paragraphs | Gopher A1
top_2gram_characters            | top_2gram         | characters | characters in the most frequent 2-gram / characters | Gopher A1
top_3gram_characters            | top_3gram         | characters | the same, 3 words                        | Gopher A1
top_4gram_characters            | top_4gram         | characters | the same, 4 words                        | Gopher A1
duplicate_5gram_characters      | repeated_5gram    | characters | characters in 5-grams that came before / characters | Gopher A1
duplicate_6gram_characters      | repeated_6gram    | characters | the same, 6 words                        | Gopher A1
duplicate_7gram_characters      | repeated_7gram    | characters | the same, 7 words                        | Gopher A1
duplicate_8gram_characters      | repeated_8gram    | characters | the same, 8 words                        | Gopher A1
duplicate_9gram_characters      | repeated_9gram    | characters | the same, 9 words                        | Gopher A1
duplicate_10gram_characters     | repeated_10gram   | characters | the same, 10 words                       | Gopher A1
""")  # noqa: E501

SIGNALS: pa.Schema = table(ID, *(signal.field for signal in TABLE))
