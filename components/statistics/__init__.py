"""What statistics_gen measures, whatever the task."""
