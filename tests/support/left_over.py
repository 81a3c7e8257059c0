"""Processes that a test has left behind."""

import os

import psutil


def left_over(variable):
    """Other processes that have inherited this variable of the environment."""
    return [one for one in psutil.process_iter() if one.pid != os.getpid() and variable in _environment(one)]


def _environment(process):
    try:
        return process.environ()
    except psutil.Error:
        return {}
