"""A real service process, for the tests of this folder."""

from tests.support.service_process import ServiceProcess, StartService, start_service

__all__ = ["ServiceProcess", "StartService", "start_service"]
