kernel-field-coloured-from = 原亮灯
kernel-field-coloured-to = 现亮灯
