// The part `matrix` of kernels that multiply matrices of 16 rows and columns.

const SIDE = 16u;
alias Left = subgroup_matrix_left<f16, SIDE, SIDE>;
alias Right = subgroup_matrix_right<f16, SIDE, SIDE>;
alias Result = subgroup_matrix_result<f32, SIDE, SIDE>;
