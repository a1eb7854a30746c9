package main
import ("context";"flag";"os";"time";"github.com/bident/bident/internal/load")
func main(){
 var c load.Config
 flag.StringVar(&c.URL,"u","","");flag.IntVar(&c.Connections,"c",64,"");flag.BoolVar(&c.Close,"close",false,"");flag.IntVar(&c.Pipeline,"p",1,"")
 pid:=flag.Int("pid",0,"")
 flag.Parse()
 c.Duration=2*time.Second;c.Warmup=500*time.Millisecond
 if *pid>0 {c.ServerPIDs=[]int{*pid}}
 r,err:=load.Run(context.Background(),c)
 if err!=nil{panic(err)}
 r.WriteText(os.Stdout)
}
