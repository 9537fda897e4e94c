"""Taking cases away: many at once, masks, maps, figures, reports and scores, de-identified."""
