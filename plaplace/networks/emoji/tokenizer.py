"""A CLIP tokenizer whose merges are learned from the captions themselves.

The vocabulary, in order: 256 bytes, the same 256 as ends of words, the merges, start, end:

    byte-pair encoding      as often as asked, join the most frequent pair of neighbouring tokens within words

so that any text has tokens, and a caption few. Source: Sennrich, Haddow, Birch, "Neural machine translation of rare
words with subword units" (2016), arXiv 1508.07909; bytes in place of letters, Radford et al., "Language models are
unsupervised multitask learners" (2019), section 2.2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from plaplace.extras import require

__all__ = ["END_OF_WORD", "build_tokenizer", "learn_merges"]

END_OF_WORD = "</w>"
_START, _END = "<|startoftext|>", "<|endoftext|>"


def build_tokenizer(captions: Iterable[str], num_merges: int, num_tokens: int) -> Any:
    """A `transformers.CLIPTokenizer` for captions.

    Args:
        captions: the text to learn merges from.
        num_merges: at most so many; fewer where no pair occurs twice any more.
        num_tokens: length of a prompt with start and end, to which prompts are padded and cut.

    Raises:
        ImportError: transformers is not installed.
        ValueError: a caption is longer than `num_tokens`.
    """
    captions = list(captions)
    # the library's own way to cut text into words, taken from a tokenizer without merges
    plain = _tokenizer([], num_tokens).backend_tokenizer
    words: Counter[str] = Counter()
    for caption in captions:
        pieces = plain.pre_tokenizer.pre_tokenize_str(plain.normalizer.normalize_str(caption))
        words.update(piece for piece, _ in pieces)
    tokenizer = _tokenizer(learn_merges(words, num_merges), num_tokens)
    for caption in captions:
        if (length := len(tokenizer(caption).input_ids)) > num_tokens:
            raise ValueError(f"the caption {caption!r} has {length} tokens; accepted are at most {num_tokens}")
    return tokenizer


def learn_merges(words: Counter[str], num_merges: int) -> list[tuple[str, str]]:
    """The merges of byte-pair encoding, in order; a pair as frequent as another goes first by the alphabet.

    >>> learn_merges(Counter({"abab": 2, "ab": 1}), 2)
    [('a', 'b</w>'), ('a', 'b')]
    """
    split = {word: [*word[:-1], word[-1] + END_OF_WORD] for word in sorted(words)}
    merges: list[tuple[str, str]] = []
    while len(merges) < num_merges:
        pairs: Counter[tuple[str, str]] = Counter()
        for word, tokens in split.items():
            for pair in pairwise(tokens):
                pairs[pair] += words[word]
        best = min(pairs, key=lambda pair: (-pairs[pair], pair), default=None)
        if best is None or pairs[best] < 2:
            break
        merges.append(best)
        split = {word: _merged(tokens, best) for word, tokens in split.items()}
    return merges


def _merged(tokens: list[str], pair: tuple[str, str]) -> list[str]:
    joined: list[str] = []
    position = 0
    while position < len(tokens):
        width = 2 if tuple(tokens[position : position + 2]) == pair else 1
        joined.append("".join(tokens[position : position + width]))
        position += width
    return joined


def _tokenizer(merges: list[tuple[str, str]], num_tokens: int) -> Any:
    letters = sorted(
        require("tokenizers", "diffusers", "the emoji pipeline").pre_tokenizers.ByteLevel.alphabet()
    )  # one printable letter a byte
    tokens = [*letters, *(letter + END_OF_WORD for letter in letters)]
    # two merges can make one token: "ab" + "c" and "a" + "bc"
    tokens = list(dict.fromkeys([*tokens, *(first + second for first, second in merges), _START, _END]))
    vocabulary = {token: number for number, token in enumerate(tokens)}
    return require("transformers", "diffusers", "the emoji pipeline").CLIPTokenizer(
        vocab=vocabulary, merges=merges, model_max_length=num_tokens
    )
