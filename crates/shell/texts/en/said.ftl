kernel-field-coloured-from = Colour before
kernel-field-coloured-to = Colour now
