"""Models from equations with units: text is parsed, checked, integrated and written out."""
