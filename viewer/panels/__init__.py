"""The side panels: cases, answers, agreement, overlay, masks."""
