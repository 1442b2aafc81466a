"""The package; its stub `__init__.pyi` holds the contents and names that readers, editors and the loader see."""

from bridle._lazy import __all__ as __all__
from bridle._lazy import __dir__ as __dir__
from bridle._lazy import __doc__ as __doc__
from bridle._lazy import __getattr__ as __getattr__
