"""The signals of a document: each one's name, formula, unit and source, once; the columns follow from it.

A signal is one counter, or one over another. Counters are those of `.counting`, `.wordcounts`, `.lines`,
`.normalized`, `.recurring` and `.repetition`, by name. Fractions are rounded to four decimals (float32), counts are
int32; 0 over 0 is 0.

Where peers differ (they do, under the same name) the choice is datatrove's, whose filters made FineWeb, so that its
verdicts can be had exactly:
- a token is a word or a sign, in Chinese and Japanese an ideograph too (`.kinds`); rates are per token,
  n-grams are of tokens, lengths are of words;
- a line is what stands between newlines and is not blank; the shares of bullets and ellipses count blank lines too;
- a paragraph is a run of lines with a blank one around it;
- repeats are counted after the first copy (Gopher, datatrove; Dolma counts every copy), over all characters;
- a repeated n-gram has the characters of its tokens, the most frequent one has a space between them as well. A text in
  which nothing repeats has no `top_2gram`; in datatrove its first 2-gram counts, which is here `any_top_2gram`;
- a run of ten characters or tokens that recurs counts each time (Data-Juicer, whose words are pieces between spaces);
- signals named `c4_...` are of the lines that C4 keeps, because FineWeb's own rules see no others.
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
    def formula(self) -> str:
        """In counters."""
        return f"{self.count} / {self.over}" if self.over else self.count

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
characters                     | characters                  |                    | code points | own
tokens                         | tokens                      |                    | words and signs | datatrove
words                          | words                       |                    | words | Gopher A1
lines                          | lines                       |                    | lines that are not blank | own
paragraphs                     | paragraphs                  |                    | runs of lines | own
sentences                      | sentences                   |                    | sentences | own
mean_word_length               | word_characters             | words              | characters / words | Gopher A1
longest_word                   | longest_word                |                    | characters | own
longest_run                    | longest_run                 |                    | times one character repeats without space | own
letter_fraction                | letters                     | characters         | letters / characters | own
alphanumeric_fraction          | alphanumeric                | characters         | letters and numbers / characters | Data-Juicer
digit_fraction                 | digits                      | characters         | decimal digits / characters | own
whitespace_fraction            | spaces                      | characters         | white space / characters | RedPajama-2
punctuation_fraction           | punctuation                 | characters         | punctuation / characters | RedPajama-2
symbol_fraction                | symbols                     | characters         | signs of category S / characters | own
uppercase_fraction             | uppercase                   | letters            | upper-case letters / letters | own
uppercase_character_fraction   | uppercase                   | characters         | upper-case letters / characters | RefinedWeb
han_fraction                   | han                         | non_space          | Han / characters that are no space | own
hashes_per_token               | hashes                      | tokens             | `#` / tokens | Gopher A1, datatrove
ellipses_per_token             | ellipses                    | tokens             | `...` or `…` / tokens | Gopher A1, datatrove
letter_word_fraction           | letter_words                | tokens             | words with a letter / tokens | Gopher A1, datatrove
stop_words_en                  | stop_words_en               |                    | different words of Gopher's eight, in lower case | Gopher A1, datatrove
stop_words_zh                  | stop_words_zh               |                    | different words of fineweb-2's twenty | fineweb-2 cmn_Hani
bullet_line_fraction           | bullet_lines                | all_lines          | lines that begin with a bullet / lines with blank ones | Gopher A1, datatrove
ellipsis_line_fraction         | ellipsis_lines              | all_lines          | lines that end in an ellipsis / lines with blank ones | Gopher A1, datatrove
terminal_line_fraction         | terminal_lines              | lines              | lines that end as a sentence does / lines | FineWeb
short_line_fraction            | short_lines                 | lines              | lines of at most 30 characters / lines | FineWeb
newlines_per_token             | newlines                    | tokens             | newlines / tokens | FineWeb
boilerplate_lines              | boilerplate_lines           |                    | lines on javascript, cookies or policies | C4
lorem_ipsum                    | lorem_ipsum                 |                    | lines with `lorem ipsum` | C4
curly_brackets                 | curly_brackets              |                    | `{` | C4
c4_lines                       | c4_lines                    |                    | lines that C4 keeps whatever they end in: three words, no boilerplate | datatrove
c4_sentences                   | c4_sentences                |                    | sentences in those lines | datatrove
c4_ended_sentences             | c4_ended_sentences          |                    | sentences in those lines that have an end mark | datatrove
c4_tfds_sentences              | c4_tfds_sentences           |                    | sentences in those lines of at least five words | TFDS reference code
c4_lorem_ipsum                 | c4_lorem_ipsum              |                    | lines of three words with `lorem ipsum` | datatrove
c4_curly_brackets              | c4_curly_brackets           |                    | lines of three words with `{`, without javascript | datatrove
c4_terminal_line_fraction      | c4_terminal_lines           | c4_lines           | as terminal_line_fraction, of the lines that C4 keeps | FineWeb, datatrove
c4_short_line_fraction         | c4_short_lines              | c4_lines           | as short_line_fraction, of the lines that C4 keeps | FineWeb, datatrove
c4_duplicate_line_characters   | c4_repeated_line_characters | c4_line_characters | characters in repeated lines / in lines, of those that C4 keeps | FineWeb, datatrove
c4_newlines_per_token          | c4_newlines                 | c4_tokens          | newlines / tokens, of the lines that C4 keeps | FineWeb, datatrove
duplicate_line_fraction        | repeated_lines              | lines              | lines that came before / lines | Gopher A1
duplicate_line_characters      | repeated_line_characters    | characters         | characters in lines that came before / characters | Gopher A1, datatrove
duplicate_paragraph_fraction   | repeated_paragraphs         | paragraphs         | paragraphs that came before / paragraphs | Gopher A1
duplicate_paragraph_characters | repeated_paragraph_characters | characters         | characters in paragraphs that came before / characters | Gopher A1, datatrove
top_2gram_characters           | top_2gram                   | characters         | characters in the most frequent 2-gram, if it repeats / characters | Gopher A1
top_3gram_characters           | top_3gram                   | characters         | the same, 3 tokens | Gopher A1
top_4gram_characters           | top_4gram                   | characters         | the same, 4 tokens | Gopher A1
any_top_2gram_characters       | any_top_2gram               | characters         | the same, 2 tokens, also where none repeats | datatrove
any_top_3gram_characters       | any_top_3gram               | characters         | the same, 3 tokens | datatrove
any_top_4gram_characters       | any_top_4gram               | characters         | the same, 4 tokens | datatrove
duplicate_5gram_characters     | repeated_5gram              | characters         | characters in 5-grams that came before / characters | Gopher A1, datatrove
duplicate_6gram_characters     | repeated_6gram              | characters         | the same, 6 tokens | Gopher A1, datatrove
duplicate_7gram_characters     | repeated_7gram              | characters         | the same, 7 tokens | Gopher A1, datatrove
duplicate_8gram_characters     | repeated_8gram              | characters         | the same, 8 tokens | Gopher A1, datatrove
duplicate_9gram_characters     | repeated_9gram              | characters         | the same, 9 tokens | Gopher A1, datatrove
duplicate_10gram_characters    | repeated_10gram             | characters         | the same, 10 tokens | Gopher A1, datatrove
recurring_10_characters        | recurring_characters        | character_runs     | 10 characters of the most frequent kinds that recur / runs of 10 characters | Data-Juicer
recurring_10_tokens            | recurring_tokens            | token_runs         | 10 tokens that recur / runs of 10 tokens | Data-Juicer
rps_word_count                 | normal_words                |                    | normalised words: between spaces, lower case, no ASCII punctuation | RedPajama-2
rps_mean_word_length           | normal_characters           | normal_words       | characters / normalised words | RedPajama-2
rps_unique_word_fraction       | different_words             | normal_words       | different words / normalised words | RedPajama-2
rps_unigram_entropy            | information                 | normal_words       | nats: mean of -ln(share of the word) | RedPajama-2
rps_symbols_per_token          | marks                       | tokens             | `#`, `...` and `…` / tokens | RedPajama-2
rps_curly_bracket_fraction     | braces                      | characters         | `{` and `}` / characters | RedPajama-2
rps_all_caps_token_fraction    | capital_words               | tokens             | tokens with capital letters and no small one / tokens | RedPajama-2
""")  # noqa: E501

DECLARED = _signals("""
perplexity        | 2 ^ bits per token | | per token, of a model of your reference text | cc_net
perplexity_bucket | 1 to 3             | | 1 head, 2 middle, 3 tail of the perplexities of the language | cc_net
quality           | P(positive)        | | probability by your classifier | fastText, DCLM
educational       | P(positive)        | | probability by your classifier | fastText, FineWeb-Edu
toxicity          | P(positive)        | | probability by your classifier | fastText, Dolma
importance            | ln(p(text) / q(text)) | | nats: likelihoods of its 1- and 2-grams among texts you want and texts you have | DSIR, RedPajama-2
importance_per_gram   | importance / n-grams  | | nats per n-gram, which does not grow with the text | DSIR
rps_doc_ldnoobw_words | phrases found         | | words and phrases of your list for its language | RedPajama-2
flagged_words_ratio   | words of them / words | | words of your list / words | Data-Juicer
rps_doc_ut1_blacklist | number of the category | | category of its host in your list, from 1 in the order of their names; 0 not listed | RedPajama-2
""")  # noqa: E501
"""Signals that a project declares in `clean` of params.yaml, as they need models or lists of its own
(stages/scores/params.py).

They stand in tables of their own (catalog/schema, SCORES); a rule on one that is not declared is left out.
"""

SIGNALS: pa.Schema = table(ID, *(signal.field for signal in TABLE))
