"""Run the jobs of a sweep as tasks of Ray.

Hydra finds launchers in modules of the namespace package `hydra_plugins`. Its own launcher for Ray asks for the tools
of a cloud provider and for older versions of what this project needs; this one asks for Ray alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, run_job, setup_globals
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, open_dict


class UnconeRayLauncher(Launcher):
    """Launches every job as a task; Ray runs as many at once as it has cores for, and a task of a dead worker again.

    Args:
        address: of a cluster, such as "auto" or "HOST:6379"; "local" starts one on this machine.
        num_cpus: cores that a job takes.
        num_gpus: GPUs that a job takes; a fraction lets several share one.
    """

    def __init__(self, address: str, num_cpus: int, num_gpus: float):
        self.address, self.num_cpus, self.num_gpus = address, num_cpus, num_gpus
        self.config: DictConfig | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Keep what jobs are made of."""
        self.hydra_context, self.task_function, self.config = hydra_context, task_function, config

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        """Run the jobs, numbered from `initial_job_idx` on, and wait for all of them."""
        import ray

        if self.config is None:
            raise ValueError("launch() before setup(): Hydra calls both, in this order")
        setup_globals()
        ray.init(address=self.address, ignore_reinit_error=True)
        task = ray.remote(num_cpus=self.num_cpus, num_gpus=self.num_gpus)(run_task)
        # what all jobs share goes to Ray's store once
        shared = ray.put((self.hydra_context, self.task_function, Singleton.get_state()))
        jobs = []
        for number, overrides in enumerate(job_overrides, start=initial_job_idx):
            config = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
            with open_dict(config):
                config.hydra.job.id = f"{config.hydra.job.name}_{number}"
                config.hydra.job.num = number
            jobs.append(task.remote(shared, config))
        returned: list[JobReturn] = ray.get(jobs)
        return returned


def run_task(shared: tuple[HydraContext, TaskFunction, dict[Any, Any]], config: DictConfig) -> JobReturn:
    """One job, in a worker of Ray."""
    hydra_context, task_function, state = shared
    setup_globals()
    Singleton.set_state(state)
    HydraConfig.instance().set_config(config)
    return run_job(
        hydra_context=hydra_context,
        task_function=task_function,
        config=config,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )


SETTINGS = {"_target_": f"{__name__}.UnconeRayLauncher", "address": "local", "num_cpus": 1, "num_gpus": 0}
if find_spec("ray") is None:
    SETTINGS["missing"] = "pip install 'uncone[ray]'"  # for uncone.commands.sweep to say before anything starts
ConfigStore.instance().store(group="hydra/launcher", name="uncone_ray", node=SETTINGS)
