"""Running a stage without building: what it would compute, whether it gives the same twice, or with new code."""
