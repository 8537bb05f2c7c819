"""From elementwise functions to machine code: kernel text, compiler, cache, loader."""
