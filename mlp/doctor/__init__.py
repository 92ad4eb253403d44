"""The training doctor: what is wrong with a model, its data or its training, and what cures it."""

from mlp.doctor.examination import diagnose
from mlp.doctor.findings import Diagnosis, Finding

__all__ = ["Diagnosis", "Finding", "diagnose"]
