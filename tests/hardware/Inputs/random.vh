// A random number generator for a bench (xorshift32): the same numbers in every simulator. SEED is a parameter of the bench.
reg [31:0] random_state = SEED * 32'h9e3779b9 + 32'h7f4a7c15;
function [31:0] random(input unused);
  begin
    random_state = random_state ^ (random_state << 13);
    random_state = random_state ^ (random_state >> 17);
    random_state = random_state ^ (random_state << 5);
    random = random_state;
  end
endfunction
// One of 0 .. n-1.
function integer below(input integer n);
  below = random(0) % n;
endfunction
