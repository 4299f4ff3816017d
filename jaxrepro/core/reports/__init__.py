"""What a run tells while it goes on: files of measurements, the console, speed, profiles."""
