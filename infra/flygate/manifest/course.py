"""`Course`: how a release is rolled out."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from flygate.config import By, JudgeConfig, RolloutConfig, Strategy


class Course(BaseModel):
    """How the release is rolled out; see `RolloutConfig` in `infra/flygate/config/rollout.py`.

    The defaults are those of releases that were made before there was a choice.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    strategy: Strategy = "bluegreen"
    by: By = "machines"
    steps: tuple[int | str, ...] = ("100%",)
    soak: str = "0s"
    judge: JudgeConfig = JudgeConfig()
    standby: str = "1h"

    @classmethod
    def of(cls, rollout: RolloutConfig, strategy: Strategy) -> Course:
        """Return what of a stack's configuration is part of the manifest.

        Args:
            strategy: as the configuration and fly.toml agree on it.
        """
        shared = {name: getattr(rollout, name) for name in cls.model_fields}
        return cls(**{**shared, "strategy": strategy})
