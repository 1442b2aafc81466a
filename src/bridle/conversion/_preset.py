"""`Preset`: one value of the literature, as it was printed and as bridle charges it."""

from dataclasses import dataclass
from typing import Any, Literal

from bridle.conversion._convert import Conversion, convert


@dataclass(frozen=True)
class Preset:
    """A value of the literature. `penalty` is ready to place: `bridle.regularize(model, preset.terms)`."""

    name: str
    printed: str
    """The value and its kind, as the source has it."""
    where: str
    """A target to start from; a layer's name in it stands for your own."""
    source: str
    meaning: Literal["stated", "assumed"]
    """`stated` where the source says what the number multiplies; `assumed` where its usual meaning is taken."""
    note: str = ""
    value: float | None = None
    convention: str | None = None
    """The convention in which `bridle.convert` reads `value`; None where bridle has the source's own penalty."""
    batch_size: int | None = None
    penalty_text: str | None = None
    """The penalty in the language of penalties, where bridle has the source's own."""

    @property
    def conversion(self) -> Conversion | None:
        """The translation of the value; None where bridle has the source's own penalty."""
        if self.value is None or self.convention is None:
            return None
        return convert(self.value, self.convention, batch_size=self.batch_size)

    @property
    def text(self) -> str:
        """The penalty in the language of penalties, such as `l2(0.00025)`."""
        return self.conversion.text if self.conversion is not None else str(self.penalty_text)

    @property
    def penalty(self) -> Any:
        """The bridle penalty."""
        from bridle.regularizers import parse_penalty  # loads Keras, which the values do not need

        return parse_penalty(self.text)

    @property
    def terms(self) -> dict[str, Any]:
        """`{where: penalty}`, as `bridle.regularize` and an arm of a study take it."""
        return {self.where: self.penalty}

    def __str__(self) -> str:
        how = "the source says what it multiplies" if self.meaning == "stated" else "what it multiplies is assumed"
        lines = [f"{self.name}: {self.printed} ({how})", f"{self.where} = {self.text}", self.source, self.note]
        return "\n".join(line for line in lines if line)
