@targetlabel true
@data
1,?,NaN:0.5
2:inf
3,4:-1e-3
