@dimensions 99999999999999999999
@seriesLength 1e9
