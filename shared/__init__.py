"""The shared layer.

Importing a function makes some 100,000 objects and no garbage. With Python's own threshold the garbage collector
searches them again and again, for a tenth of the time that the import takes. `shared.initialization` ends this.
"""

import gc

gc.set_threshold(200_000)
