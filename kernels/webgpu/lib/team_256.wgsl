// Who works on a row together: a large workgroup, for whole rows of a model.
// uses: reduce

const WG = 256u;
