"""Prompts that transformers makes of conversations with the chat templates of model folders: one JSON line per job."""

import json
import sys

from jinja2.exceptions import TemplateError
from transformers import AutoTokenizer


def rendered(tokenizer, messages):
    try:
        return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    except TemplateError:
        return None


with open(sys.argv[1], encoding="utf-8") as file:
    for job in json.load(file):
        tokenizer = AutoTokenizer.from_pretrained(job["model"])
        texts = [rendered(tokenizer, messages) for messages in job["chats"]]
        tokens = [None if text is None else tokenizer(text, add_special_tokens=not text.startswith(tokenizer.bos_token or "\0"))["input_ids"] for text in texts]
        print(json.dumps({"model": job["model"], "texts": texts, "tokens": tokens}))
