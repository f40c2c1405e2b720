"""How the counters of `stages.text` are compiled: a kernel is inlined in the one that calls it, an entry is called from
Python.

A kernel counts no references: the arrays belong to whoever called the entry, and an atomic increment and decrement for
each array of each tuple that a kernel is handed were nine tenths of what finding tokens cost. So it may slice an array,
but neither make nor return one.

Numba's on-disk cache looks at the file of a function only: kernels call nothing, and use no constant, of another file.
"""

import numba

kernel = numba.njit(cache=True, nogil=True, forceinline=True, _nrt=False)
entry = numba.njit(cache=True, nogil=True)
