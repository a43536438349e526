"""Every error that Lucid Dreamer raises on purpose.

LucidError                  message: what was found, what was wanted; advice: what to do
├── InvalidInput            a value or an option that cannot be used (also a ValueError)
│   └── FormatError         a file or a frame that is not what it should be
├── ModelError              a diffusion model that cannot be found, loaded or used
├── JobError                a job folder that cannot be written, read or resumed
├── BackendError            the backend process is missing, died, or does not answer
└── Cancelled               the user stopped the run

Foreign exceptions are translated where they enter, with ``raise ... from error``.
"""


class LucidError(Exception):
    """Base of the tree. ``advice`` tells the user what to do about it; it may be empty."""

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice


class InvalidInput(LucidError, ValueError):
    """A value or an option that cannot be used."""


class FormatError(InvalidInput):
    """A file or a frame that is not what it should be."""


class ModelError(LucidError):
    """A diffusion model that cannot be found, loaded or used."""


class JobError(LucidError):
    """A job folder that cannot be written, read or resumed."""


class BackendError(LucidError):
    """The backend process is missing, died, or does not answer."""


class Cancelled(LucidError):
    """The user stopped the run."""
