# The program's bytecode (modules.h), as the build made it.
    .section .rodata
    .global tsrunc_modules, tsrunc_modules_end
    .balign 16
tsrunc_modules:
    .incbin "modules.bin"
tsrunc_modules_end:
    .section .note.GNU-stack,"",@progbits
