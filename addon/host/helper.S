// The init helper travels inside the addon, so that neither can be of another build than the other.
    .section .rodata
    .balign 16
    .globl tsrunc_helper_begin
    .hidden tsrunc_helper_begin
    .globl tsrunc_helper_end
    .hidden tsrunc_helper_end
tsrunc_helper_begin:
    .incbin "tsrunc-init"
tsrunc_helper_end:
    .section .note.GNU-stack, "", %progbits
