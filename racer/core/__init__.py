"""The rules of a race, pure: no await, no clock, no network, no disk, no chance. Time is an argument."""
