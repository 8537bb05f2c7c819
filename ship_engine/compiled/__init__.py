"""Functions that Numba compiles: the time loop, deliveries, sources and sorting.

Modules of this package are imported only to compile them.  Once their machine code lies in the
kernel cache, a run loads that and never imports Numba.

Every function that Python calls takes integers (numbers, or addresses of arrays) and returns one
integer.  Inside, addresses become typed pointers through the casts of `dialect`.  Nothing here
allocates, raises or holds a reference, so the code runs without the interpreter's lock.
"""
