"""What was asked of a run and what came of it: kept, rated, corrected, and made into pairs for the next training."""
