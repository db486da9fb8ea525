# comment
@problemName Two
@timeStamps false
@missing false
@univariate false
@dimensions 2
@equalLength true
@seriesLength 3
@classLabel true b a
@data
1,2,3:10,20,30:a
-1,0.5,1e2:4,5,6:b
